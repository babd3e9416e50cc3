/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The harness, with more time for each test. What takes a second elsewhere
 * takes a minute on an emulated machine whose kernel checks memory and locks,
 * above all the replay, which hashes each record that was saved so far.
 */
#ifndef IMA_SELFTEST_HARNESS_H
#define IMA_SELFTEST_HARNESS_H

#include <kselftest_harness.h>

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#endif /* IMA_SELFTEST_HARNESS_H */
