"""The bundled fictional résumés and the queries that people wrote about them."""
