"""The AWS SDK that every function of Node.js finds, as in AWS's runtimes.

npm installs its packages once for all platforms of a user, from the lock that lies here, when the first function
appears that names them without bringing them. Functions see the folder around all sets, so that they may arrive later.
"""
