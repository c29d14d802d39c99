"""First level of fNIRS: optical intensity to estimates of channels and regions."""
