std = "lua51"
globals = { "redis", "cjson", "cmsgpack" }
max_line_length = false
-- Of the files of the batch, which are no modules yet (lua/LegacyLua.swift): unused and shadowing locals, an empty branch,
-- `not (x >= y)`.
ignore = { "211", "212", "231", "431", "542", "581" }
