# SPDX-License-Identifier: MIT
# riacho_test(<name> LABEL <unit|contract|scenario|...> SOURCES <files> [USES <layers>] [THIRD_PARTY <targets>] [SECONDS <limit>])
#
# One cmocka program, one ctest entry. Tests may use any layer, because they say which.
function(riacho_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;SECONDS" "SOURCES;USES;THIRD_PARTY;DEFINITIONS")
    set(program test_${name})
    add_executable(${program} ${arg_SOURCES})
    set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests ENABLE_EXPORTS ON)
    target_link_libraries(${program} PRIVATE riacho_options riacho_include PkgConfig::CMOCKA Threads::Threads)
    target_compile_options(${program} PRIVATE $<$<COMPILE_LANGUAGE:C>:-Wno-missing-prototypes>)
    target_compile_definitions(${program} PRIVATE RIACHO_SOURCE_DIR="${CMAKE_SOURCE_DIR}" RIACHO_BINARY_DIR="${CMAKE_BINARY_DIR}" ${arg_DEFINITIONS})
    foreach(used ${arg_USES})
        string(REPLACE "/" "_" used_name ${used})
        target_link_libraries(${program} PRIVATE riacho_${used_name})
    endforeach()
    target_link_libraries(${program} PRIVATE ${arg_THIRD_PARTY})
    add_test(NAME ${arg_LABEL}.${name} COMMAND ${program})
    if(NOT arg_SECONDS)
        set(arg_SECONDS 120)
    endif()
    set_tests_properties(${arg_LABEL}.${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_SECONDS})
endfunction()

# Tests in Python say ${Python3_EXECUTABLE}. A machine that only builds the program need not have it.
find_program(Python3_EXECUTABLE NAMES python3)
if(NOT Python3_EXECUTABLE)
    set(Python3_EXECUTABLE python3)
endif()
