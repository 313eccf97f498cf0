/// The files that are no modules yet: the parts of an entry point are one chunk, in which the later ones see the locals of the
/// earlier ones.
let legacyLuaSources = [
    "batch": legacyEntry(
        "@function",
        [
            "window", "holds", "counters", "rankings", "history_labels", "history", "history_refunds", "history_pages",
            "batch", "alerts", "notices", "plain_checks", "apply",
        ]),
    "usage": legacyEntry("@function no-writes", ["window", "holds", "usage"]),
]

/// The arguments stand outside: a function has 200 locals at most, and the chunk needs nearly all of them.
private func legacyEntry(_ head: String, _ parts: [String]) -> String {
    """
    -- \(head)
    local KEYS, ARGV, is_read_only
    local function run()
    \(parts.compactMap { luaSources[$0] }.joined(separator: "\n"))
    end
    return function(...)
    KEYS, ARGV, is_read_only = ...
    return run()
    end

    """
}
