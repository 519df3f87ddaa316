/* SPDX-License-Identifier: MIT
 *
 * client.h - which librdkafka this program runs with.
 */
#pragma once

/* The version of the library that is linked at run time, such as "2.15.1". Lives as long as the
 * process. */
const char *riacho_kafka_client_version(void);

/* "pinned" when it is the one this project builds, "system" when it is the machine's. */
const char *riacho_kafka_client_origin(void);
