"""Tools for the files of this repository; the exporter needs none of them."""
