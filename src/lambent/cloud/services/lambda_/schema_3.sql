-- Where a package's digest is named: a download asks for it without a function's or layer's name.

CREATE INDEX lambda_versions_by_digest ON lambda_versions (json_extract(code, '$.digest'));

CREATE INDEX lambda_layer_versions_by_digest ON lambda_layer_versions (json_extract(code, '$.digest'));
