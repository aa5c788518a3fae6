"""Keys in PKCS#11 tokens: SoftHSM, and a shim for what it cannot do."""
