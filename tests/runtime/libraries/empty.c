/* SPDX-License-Identifier: MIT
 *
 * empty.c - a shared object that is no processor library.
 */
int riacho_nothing_here(void);
int riacho_nothing_here(void)
{
    return 0;
}
