// SPDX-License-Identifier: GPL-2.0
/*
 * The TPM: its counters and PCRs
 */
#include <errno.h>
#include <string.h>

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
 * struct tpm - a connection to a TPM
 * @tcti: how it is reached
 * @esys: what it is asked with
 */
struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
};

static void tpm_close(struct tpm *tpm)
{
	Esys_Finalize(&tpm->esys);
	Tss2_TctiLdr_Finalize(&tpm->tcti);
}

static int tpm_open(struct tpm *tpm, const char *tcti)
{
	TSS2_RC rc;

	memset(tpm, 0, sizeof(*tpm));
	rc = Tss2_TctiLdr_Initialize(tcti, &tpm->tcti);
	if (rc)
		return failed(tcti, rc);
	rc = Esys_Initialize(&tpm->esys, tpm->tcti, NULL);
	if (rc) {
		tpm_close(tpm);
		return failed("Esys_Initialize", rc);
	}
	return 0;
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
	TPMS_TIME_INFO *info = NULL;
	struct tpm tpm;
	TSS2_RC rc;
	int ret;

	ret = tpm_open(&tpm, tcti);
	if (ret)
		return ret;
	rc = Esys_ReadClock(tpm.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &info);
	if (rc) {
		ret = failed("TPM2_ReadClock", rc);
	} else {
		*reset = info->clockInfo.resetCount;
		*restart = info->clockInfo.restartCount;
	}
	Esys_Free(info);
	tpm_close(&tpm);
	return ret;
}

static bool has_pcr(const TPMS_PCR_SELECTION *selection, uint32_t pcr)
{
	return pcr / 8 < selection->sizeofSelect &&
	       selection->pcrSelect[pcr / 8] >> pcr % 8 & 1;
}

static int find_bank(const struct pcr_values *pcrs, TPMI_ALG_HASH tpm)
{
	const struct hash_algo *algo = hash_algo_of_tpm(tpm);

	return algo ? pcr_values_bank(pcrs, algo->name) : -1;
}

/* The PCR in those banks that the TPM has: it refuses algorithms that it lacks. */
static int select_banks(struct tpm *tpm, uint32_t pcr, const struct pcr_values *pcrs,
			TPML_PCR_SELECTION *selection)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPML_PCR_SELECTION *all;
	TPMI_YES_NO more;
	TSS2_RC rc;
	UINT32 i;

	selection->count = 0;
	rc = Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				TPM2_CAP_PCRS, 0, 1, &more, &data);
	if (rc)
		return failed("TPM2_GetCapability", rc);
	all = &data->data.assignedPCR;
	for (i = 0; i < all->count; i++) {
		TPMS_PCR_SELECTION *bank = &selection->pcrSelections[selection->count];

		if (!has_pcr(&all->pcrSelections[i], pcr) ||
		    find_bank(pcrs, all->pcrSelections[i].hash) < 0)
			continue;
		*bank = all->pcrSelections[i];
		memset(bank->pcrSelect, 0, sizeof(bank->pcrSelect));
		bank->pcrSelect[pcr / 8] = (BYTE)(1 << pcr % 8);
		selection->count++;
	}
	Esys_Free(data);
	return 0;
}

/**
 * tpm_read_pcr - read a PCR in all banks
 * @tcti: how to talk to the TPM, as for Tss2_TctiLdr_Initialize()
 * @pcr: number of the PCR
 * @pcrs: the banks; its values are set
 * @known: set to a bit for each bank that the TPM has
 *
 * The values of all banks are of one moment: the TPM is asked once.
 *
 * Return: 0, or -ECOMM, which was told.
 */
int tpm_read_pcr(const char *tcti, uint32_t pcr, struct pcr_values *pcrs,
		 uint64_t *known)
{
	TPML_PCR_SELECTION selection, *read = NULL;
	TPML_DIGEST *values = NULL;
	UINT32 i, n = 0;
	struct tpm tpm;
	TSS2_RC rc = 0;
	int ret;

	*known = 0;
	ret = tpm_open(&tpm, tcti);
	if (ret)
		return ret;
	ret = select_banks(&tpm, pcr, pcrs, &selection);
	if (!ret && selection.count)
		rc = Esys_PCR_Read(tpm.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   &selection, NULL, &read, &values);
	if (rc)
		ret = failed("TPM2_PCR_Read", rc);
	/* One digest for each PCR that was read, in the order of the banks */
	for (i = 0; values && i < read->count; i++) {
		int bank = find_bank(pcrs, read->pcrSelections[i].hash);

		if (!has_pcr(&read->pcrSelections[i], pcr))
			continue;
		if (bank < 0 || n == values->count ||
		    values->digests[n].size != pcrs->banks[bank]->size)
			break;
		memcpy(pcrs->value[pcr][bank], values->digests[n++].buffer,
		       pcrs->banks[bank]->size);
		*known |= 1ULL << bank;
	}
	if (!ret && n != selection.count) {
		log_message(LOG_ERR, "TPM2_PCR_Read: %u of %u banks were read", n,
			    selection.count);
		ret = -ECOMM;
	}
	pcrs->touched |= 1ULL << pcr;
	Esys_Free(read);
	Esys_Free(values);
	tpm_close(&tpm);
	return ret;
}
