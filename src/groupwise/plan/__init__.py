"""Plan of a study without Snakemake: subjects, files, rows, designs and blocks."""
