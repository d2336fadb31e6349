"""From files to résumés and passages: read, clean, cut into sections, group by person, split."""
