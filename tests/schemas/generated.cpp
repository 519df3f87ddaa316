/* SPDX-License-Identifier: MIT
 *
 * generated.cpp - a generated header is C++ too: compiling this is the test.
 */
#include "lab_schemas.h"

extern "C" const riacho_struct *lab_pet_struct(void);

extern "C" const riacho_struct *lab_pet_struct(void)
{
    struct pet pet = {};
    return pet.alive ? nullptr : &pet_struct;
}
