# SPDX-License-Identifier: MIT
# riacho_generate(<target> OUTPUT <name.h> SCHEMAS <files.avsc>... [PREFIX <prefix>])
#
# Runs riacho-gen before the target is built; its sources then include the header by its name. A schema that another one
# mentions is listed too.
function(riacho_generate target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT;PREFIX" "SCHEMAS")
    if(NOT arg_OUTPUT OR NOT arg_SCHEMAS)
        message(FATAL_ERROR "riacho_generate(${target}) needs OUTPUT and SCHEMAS")
    endif()
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/generated/${target})
    set(header ${folder}/${arg_OUTPUT})
    get_filename_component(parent ${header} DIRECTORY)
    file(MAKE_DIRECTORY ${parent})
    set(schemas)
    foreach(schema ${arg_SCHEMAS})
        get_filename_component(path ${schema} ABSOLUTE)
        list(APPEND schemas ${path})
    endforeach()
    set(prefix)
    if(arg_PREFIX)
        set(prefix --prefix ${arg_PREFIX})
    endif()
    add_custom_command(
        OUTPUT ${header}
        COMMAND riacho-gen ${prefix} --output ${header} ${schemas}
        DEPENDS ${schemas} riacho-gen
        COMMENT "Structs ${arg_OUTPUT}"
        VERBATIM)
    target_sources(${target} PRIVATE ${header})
    target_include_directories(${target} PRIVATE ${folder})
endfunction()
