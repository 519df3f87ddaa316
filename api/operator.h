/* SPDX-License-Identifier: MIT
 *
 * operator.h - who may write to topics past the commands: somebody on the worker's own machine, or
 * in a network that the configuration names.
 *
 * An address alone does not say that. A proxy on this machine speaks for the whole world, and a
 * browser on this machine for every page that is open in it; so a request that was forwarded by an
 * untrusted proxy is refused, and one that a page sent must come from a page of this server under
 * an address that no name server can make up.
 */
#pragma once

#include "server.h"

/* False when the request was answered with a problem. */
bool riacho_operator_admit(riacho_exchange *exchange);
