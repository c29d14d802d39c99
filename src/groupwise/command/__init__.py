"""The command `groupwise`: check a study, and show the state of its jobs. It writes nothing."""
