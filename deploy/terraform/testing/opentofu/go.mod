module github.com/mytomorrows/mtk-seal/deploy/terraform/testing/opentofu

go 1.26.6

// OpenTofu needs its own version of this module, and `go install` ignores its replacement.
replace github.com/hashicorp/hcl/v2 v2.20.1 => github.com/opentofu/hcl/v2 v2.20.2-0.20251021132045-587d123c2828
