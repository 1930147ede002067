"""Where pictures come from: our own drawings, Kaggle, a folder, an archive, or an address of one.

origin     what a source is, its fingerprint, and how to open it as a tree of files
folders    trees of files: list with hashes, digest, copy
archives   zip and tar, unpacked by our own hands so that no member can harm
downloads  http(s) and s3, going on where they were cut off
kaggle     kagglehub
trouble    what the operating system says, in one plain line
"""
