"""The iNaturalist task of the Siren(SH) paper: a geographical prior that helps to name species."""
