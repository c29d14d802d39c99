"""The command `groupwise`: what a study holds, and how far its run has come. It writes nothing."""
