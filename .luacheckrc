std = "lua51"
globals = { "redis", "cjson", "cmsgpack" }
max_line_length = false
-- Accepted in the library that scripts/check-lua checks: unused and shadowing locals, an empty branch,
-- `not (x >= y)`.
ignore = { "211", "212", "231", "431", "542", "581" }
