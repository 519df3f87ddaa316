# SPDX-License-Identifier: MIT
# The target riacho::rdkafka, linked by log/kafka alone. RIACHO_KAFKA=OFF builds everything else.
option(RIACHO_KAFKA "Build the Kafka backend of the log" ON)
set(RIACHO_RDKAFKA pinned CACHE STRING
    "Which librdkafka: `pinned` (built once from source by third_party/librdkafka/build) or `system` (>= 2.0.2, better >= 2.10.1)")
set_property(CACHE RIACHO_RDKAFKA PROPERTY STRINGS pinned system)

# The build script keeps the library outside the tree and says where; a library that went away is built again by the next ninja.
function(riacho_pinned_rdkafka)
    pkg_check_modules(RDKAFKA_NEEDS REQUIRED IMPORTED_TARGET libssl libcrypto libzstd zlib liblz4)
    set(script ${CMAKE_SOURCE_DIR}/third_party/librdkafka/build)
    set(flavour plain)
    if(RIACHO_SANITIZE MATCHES thread)
        set(flavour thread)
    endif()
    execute_process(COMMAND ${script} ${flavour} OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "there is no librdkafka to build with: see above for why, and for the ways around")
    endif()
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
        ${script} ${CMAKE_SOURCE_DIR}/third_party/librdkafka/package-lock.json ${folder}/lib/librdkafka.a)
    file(STRINGS ${folder}/VERSION version LIMIT_COUNT 1)
    message(STATUS "librdkafka ${version}, pinned, in ${folder}")

    add_library(riacho_rdkafka STATIC IMPORTED GLOBAL)
    set_target_properties(riacho_rdkafka PROPERTIES
        IMPORTED_LOCATION ${folder}/lib/librdkafka.a
        INTERFACE_INCLUDE_DIRECTORIES ${folder}/include
        # Processor libraries find riacho_* in the program that loads them, and no Kafka.
        INTERFACE_LINK_OPTIONS "LINKER:--exclude-libs,librdkafka.a")
    target_link_libraries(riacho_rdkafka INTERFACE PkgConfig::RDKAFKA_NEEDS Threads::Threads ${CMAKE_DL_LIBS} m)
    add_library(riacho::rdkafka ALIAS riacho_rdkafka)
endfunction()

function(riacho_system_rdkafka)
    pkg_check_modules(RDKAFKA IMPORTED_TARGET GLOBAL rdkafka)
    if(NOT RDKAFKA_FOUND)
        message(FATAL_ERROR "RIACHO_RDKAFKA=system, and pkg-config finds no rdkafka (Debian: apt-get install librdkafka-dev)")
    elseif(RDKAFKA_VERSION VERSION_LESS 2.0.2)
        message(FATAL_ERROR "the system's librdkafka is ${RDKAFKA_VERSION}, and 2.0.2 is the oldest that is good enough: "
            "use RIACHO_RDKAFKA=pinned")
    elseif(RDKAFKA_VERSION VERSION_LESS 2.10.1)
        message(WARNING "the system's librdkafka is ${RDKAFKA_VERSION}: below 2.10.1 it can hang when it is closed after a broker "
            "went away, and lose an assignment that is committed during a rebalance; below 2.6.1 SCRAM does not work with Kafka 4. "
            "RIACHO_RDKAFKA=pinned builds a newer one")
    endif()
    message(STATUS "librdkafka ${RDKAFKA_VERSION}, the system's")
    add_library(riacho::rdkafka ALIAS PkgConfig::RDKAFKA)
endfunction()

if(NOT RIACHO_KAFKA)
    message(STATUS "RIACHO_KAFKA is OFF: no Kafka in this build")
elseif(RIACHO_RDKAFKA STREQUAL "pinned")
    riacho_pinned_rdkafka()
elseif(RIACHO_RDKAFKA STREQUAL "system")
    riacho_system_rdkafka()
else()
    message(FATAL_ERROR "RIACHO_RDKAFKA is `${RIACHO_RDKAFKA}`: it is `pinned` or `system`")
endif()
