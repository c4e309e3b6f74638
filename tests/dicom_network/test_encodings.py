"""The bytes of file headers and responses are those that pynetdicom and pydicom make."""

import pytest
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import create_file_meta, encode, encode_file_meta

from tumorscope.dicom_network.encodings import file_header, store_response

MR, EXPLICIT = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.1"
INSTANCES = ["1.2.3", "1.2.34", "1." + 62 * "2"]
"""Of an odd, an even and the greatest length."""


@pytest.mark.parametrize("syntax", [EXPLICIT, "1.2.840.10008.1.2"])
@pytest.mark.parametrize("instance", INSTANCES)
def test_a_file_s_header_is_pydicom_s(instance, syntax):
    meta = create_file_meta(sop_class_uid=MR, sop_instance_uid=instance, transfer_syntax=syntax)
    assert file_header(MR, instance, syntax) == bytes(128) + b"DICM" + encode_file_meta(meta)


@pytest.mark.parametrize("status", [0x0000, 0xA700, 0xC001])
@pytest.mark.parametrize("instance", INSTANCES)
def test_a_response_to_c_store_is_pynetdicom_s(instance, status):
    response = C_STORE()
    response.MessageIDBeingRespondedTo, response.Status = 65535, status
    response.AffectedSOPClassUID, response.AffectedSOPInstanceUID = MR, instance
    message = C_STORE_RSP()
    message.primitive_to_message(response)
    assert store_response(MR, instance, 65535, status) == encode(message.command_set, True, True)
