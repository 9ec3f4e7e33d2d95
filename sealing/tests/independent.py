"""Opens sealed items with another implementation: Python's `cryptography` (OpenSSL).

Reads JSON lines {"key": PEM of the private key, "label": base64, "ciphertext": base64}, and prints
for each one line: the plaintext in base64, or `!` if the item does not open.
"""

import base64
import json
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def open_item(key_pem: str, label: bytes, item: bytes) -> bytes:
    key = load_pem_private_key(key_pem.encode(), password=None)
    length = int.from_bytes(item[:2], "big")
    oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), label)
    session_key = key.decrypt(item[2 : 2 + length], oaep)
    return AESGCM(session_key).decrypt(bytes(12), item[2 + length :], None)


for line in sys.stdin:
    case = json.loads(line)
    try:
        plaintext = open_item(
            case["key"],
            base64.b64decode(case["label"], validate=True),
            base64.b64decode(case["ciphertext"], validate=True),
        )
        print(base64.b64encode(plaintext).decode())
    except (ValueError, InvalidTag):
        print("!")
