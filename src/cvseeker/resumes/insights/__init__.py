"""What is read from a résumé: titles, employers, years, skills."""
