# Filled in with the packages: see make install, make package.
