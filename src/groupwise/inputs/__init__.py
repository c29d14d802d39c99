"""Find the files, participants and tables of a study, by file names and before any job."""
