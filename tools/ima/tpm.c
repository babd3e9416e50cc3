// SPDX-License-Identifier: GPL-2.0
/*
 * The TPM's counters
 */
#include <errno.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "log.h"
#include "tpm.h"

static int failed(const char *what, TSS2_RC rc)
{
	log_message(LOG_ERR, "%s: %s", what, Tss2_RC_Decode(rc));
	return -ECOMM;
}

/**
 * tpm_counters - read how often the TPM was started
 * @tcti: how to talk to it, as for Tss2_TctiLdr_Initialize()
 * @reset: set to the number of resets
 * @restart: set to the number of restarts and resumes since the last reset
 *
 * A kernel that is started by kexec finds both as they were: the PCRs have gone
 * on. A reset or restart sets them to zeroes.
 *
 * Return: 0, or -ECOMM, which was told.
 */
int tpm_counters(const char *tcti, uint32_t *reset, uint32_t *restart)
{
	TSS2_TCTI_CONTEXT *connection = NULL;
	ESYS_CONTEXT *esys = NULL;
	TPMS_TIME_INFO *info = NULL;
	TSS2_RC rc;
	int ret = 0;

	rc = Tss2_TctiLdr_Initialize(tcti, &connection);
	if (rc)
		return failed(tcti, rc);
	rc = Esys_Initialize(&esys, connection, NULL);
	if (rc) {
		ret = failed("Esys_Initialize", rc);
		goto out;
	}
	rc = Esys_ReadClock(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &info);
	if (rc) {
		ret = failed("TPM2_ReadClock", rc);
		goto out;
	}
	*reset = info->clockInfo.resetCount;
	*restart = info->clockInfo.restartCount;
	Esys_Free(info);
out:
	Esys_Finalize(&esys);
	Tss2_TctiLdr_Finalize(&connection);
	return ret;
}
