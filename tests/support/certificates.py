"""Certificates for the tests, made by the openssl program: an authority, and servers under it."""

import os
import subprocess

EC_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Certificates:
    """ca is the authority's certificate; server(...) makes (certificate, key)."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = self._path("ca.pem")
        self._openssl("req", "-x509", *EC_KEY, "-keyout", self._path("ca.key"), "-out", self.ca, "-days", "2", "-subj", "/CN=test authority")

    def server(self, name="localhost", names="DNS:localhost,IP:127.0.0.1,IP:::1", days=2):
        """`days` of -1 makes one that has expired."""
        certificate, key, request, extensions = (self._path(name + end) for end in (".pem", ".key", ".csr", ".ext"))
        self._openssl("req", *EC_KEY, "-keyout", key, "-out", request, "-subj", "/CN=" + name)
        with open(extensions, "w") as file:
            file.write("subjectAltName=" + names)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._path("ca.key"), "-CAcreateserial", "-days", str(days),
                      "-extfile", extensions, "-out", certificate)
        return certificate, key

    def hashed_directory(self):
        """A directory with the authority in it, as `openssl rehash` links it."""
        folder = self._path("hashed")
        os.mkdir(folder)
        subject_hash = self._openssl("x509", "-in", self.ca, "-noout", "-subject_hash").strip()
        os.symlink(self.ca, os.path.join(folder, subject_hash + ".0"))
        return folder

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        return subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout
