/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IMALOG_UTIL_H
#define IMALOG_UTIL_H

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif /* IMALOG_UTIL_H */
