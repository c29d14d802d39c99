"""What a study would compute: subjects, files, rows, designs and blocks, without Snakemake."""
