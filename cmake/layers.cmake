# SPDX-License-Identifier: MIT
# riacho_layer(<folder> SOURCES <files> [USES <layers>] [THIRD_PARTY <targets>])
#
# Makes the library riacho_<folder>. Other folders include its headers as "<folder>/x.h", and can only do so when their own USES
# names it: the include path of a layer is a folder that holds nothing but a link to that layer.
function(riacho_layer folder)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES;THIRD_PARTY")
    string(REPLACE "/" "_" name ${folder})
    set(library riacho_${name})
    if(arg_SOURCES)
        add_library(${library} STATIC ${arg_SOURCES})
        set(scope PUBLIC)
        set(needs PRIVATE)
    else()
        add_library(${library} INTERFACE)
        set(scope INTERFACE)
        set(needs INTERFACE)
    endif()
    set(view ${CMAKE_BINARY_DIR}/layers/${name})
    get_filename_component(parent ${view}/${folder} DIRECTORY)
    file(MAKE_DIRECTORY ${parent})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${view}/${folder} SYMBOLIC)
    target_include_directories(${library} INTERFACE ${view})
    target_link_libraries(${library} ${needs} riacho_options riacho_include)
    foreach(used ${arg_USES})
        string(REPLACE "/" "_" used_name ${used})
        target_link_libraries(${library} ${needs} riacho_${used_name})
    endforeach()
    target_link_libraries(${library} ${needs} ${arg_THIRD_PARTY})
endfunction()

# riacho_export_to_processors(<program>): links the layers that processor libraries call into the program whole, and lets libraries
# that it loads find them.
function(riacho_export_to_processors program)
    set_target_properties(${program} PROPERTIES ENABLE_EXPORTS ON)
    target_link_libraries(${program} PRIVATE riacho_operators riacho_schemas riacho_base)
    target_link_options(${program} PRIVATE
        LINKER:--whole-archive $<TARGET_FILE:riacho_operators> $<TARGET_FILE:riacho_schemas> $<TARGET_FILE:riacho_base>
        LINKER:--no-whole-archive)
endfunction()
