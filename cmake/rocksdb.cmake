# SPDX-License-Identifier: MIT
# The target riacho::rocksdb, linked by log/ and state/backend alone.
set(RIACHO_ROCKSDB system CACHE STRING
    "Which RocksDB: `system` (7.8.3 on Debian 12, with its assertions) or `pinned` (built once from source by third_party/rocksdb/build)")
set_property(CACHE RIACHO_ROCKSDB PROPERTY STRINGS system pinned)

# The build script keeps the library outside the tree and says where; one that went away is built again by the next ninja.
function(riacho_pinned_rocksdb)
    pkg_check_modules(ROCKSDB_NEEDS REQUIRED IMPORTED_TARGET liblz4)
    set(script ${CMAKE_SOURCE_DIR}/third_party/rocksdb/build)
    execute_process(COMMAND ${script} OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "there is no RocksDB to build with: see above for why, and for the way around")
    endif()
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
        ${script} ${CMAKE_SOURCE_DIR}/third_party/rocksdb/Cargo.lock ${folder}/lib/librocksdb.a)
    file(STRINGS ${folder}/VERSION version LIMIT_COUNT 1)
    message(STATUS "RocksDB ${version}, pinned, in ${folder}")

    add_library(riacho_rocksdb STATIC IMPORTED GLOBAL)
    set_target_properties(riacho_rocksdb PROPERTIES
        IMPORTED_LOCATION ${folder}/lib/librocksdb.a
        INTERFACE_INCLUDE_DIRECTORIES ${folder}/include
        INTERFACE_LINK_OPTIONS "LINKER:--exclude-libs,librocksdb.a")
    target_link_libraries(riacho_rocksdb INTERFACE PkgConfig::ROCKSDB_NEEDS stdc++ Threads::Threads ${CMAKE_DL_LIBS} m)
    add_library(riacho::rocksdb ALIAS riacho_rocksdb)
    set(ROCKSDB_VERSION ${version} PARENT_SCOPE)
endfunction()

if(RIACHO_ROCKSDB STREQUAL "system")
    pkg_check_modules(ROCKSDB REQUIRED IMPORTED_TARGET GLOBAL rocksdb)
    add_library(riacho::rocksdb ALIAS PkgConfig::ROCKSDB)
elseif(RIACHO_ROCKSDB STREQUAL "pinned")
    riacho_pinned_rocksdb()
else()
    message(FATAL_ERROR "RIACHO_ROCKSDB is `${RIACHO_ROCKSDB}`: it is `system` or `pinned`")
endif()
