"""The database of an AutoCore fleet: where it is, what tables it has, and how rows get into it.

Its libraries come with the optional part `database` of this package. `extra` tells whether they are there;
`rows` needs none of them.
"""
