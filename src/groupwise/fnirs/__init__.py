"""fNIRS: optical intensity to first-level estimates of channels and regions."""
