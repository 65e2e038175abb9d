"""Generated data for machine learning whose best possible score is known: a file each, with its likelihood ratio and optimum."""
