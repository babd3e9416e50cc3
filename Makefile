# SPDX-License-Identifier: GPL-2.0
#
# The front door: each verb is the script of the same name under dev/.

.PHONY: help demo test kunit selftest soak bench coverage series absorb check patch package shell clean
.DEFAULT_GOAL := help

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

demo: ## set everything up, stage, save, delete and prove it with a TPM; then the service on Debian
test: ## all tests
kunit: ## the KUnit tests, under user-mode Linux
selftest: ## the kselftests, in QEMU with a TPM
soak: ## what is too long for test: faults, races, configurations, releases, KCSAN (hours)
bench: ## the figures, beside the unpatched kernel, as tables and plots (hours; less with QUICK=1)
coverage: ## which lines and branches of the new kernel files the tests reach
series: ## make the mails (build/series) and a tree to edit (build/tree); ALSO=path adds a file
absorb: ## take the commits of build/tree back into patches/ and the new files
check: ## is every patch fit to be sent? (claims, builds, warnings, style, documents)
patch: ## apply the series to a kernel tree: KERNEL=dir, or FORMAT=quilt KERNEL=dir
package: ## the Debian package of imalogd, imalogfs and imalogctl
shell: ## a shell in the guest
clean: ## remove build/, unless work in it was not absorbed

demo test kunit selftest soak bench coverage absorb check shell clean:
	@dev/$@

series:
	@dev/assemble $(ALSO:%=--also %)

package:
	@dev/imalog-package --build

patch:
	@dev/patch $(if $(FORMAT),--format "$(FORMAT)") "$(KERNEL)"
