/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A log in another format
 */
#ifndef IMALOG_EXPORT_H
#define IMALOG_EXPORT_H

#include <stdio.h>

#include "view.h"

int export_list(struct view *view, FILE *out);
int export_cel_json(struct view *view, FILE *out);

#endif /* IMALOG_EXPORT_H */
