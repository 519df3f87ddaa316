/* SPDX-License-Identifier: MIT
 *
 * tamaghost_twin.h - Tamaghost in declarative C, word for word what topology/apps/tamaghost.yaml
 * says.
 */
#pragma once

#include "riacho/topology.h"

extern const riacho_topology tamaghost_twin;
