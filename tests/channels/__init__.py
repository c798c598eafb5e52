"""The gateways' formats: what each adapter makes of what its gateway really sends."""
