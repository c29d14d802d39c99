"""What of the study is there: found before anything runs, without reading a recording."""
