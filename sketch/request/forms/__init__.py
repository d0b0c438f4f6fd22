"""Forms: fields and files, read as a whole or part by part as they arrive.

Multipart bodies need a separate parser package: install the extra `sketch-web[forms]`.
"""

from sketch.request.forms.form import Form, read_form
from sketch.request.forms.parts import BodyPart, Multipart
from sketch.request.forms.uploads import UploadedFile

__all__ = ["BodyPart", "Form", "Multipart", "UploadedFile", "read_form"]
