import TollgateTestSupport

/// What the sidecar under test can do, found out by asking: the load consists of what there is.
struct SidecarFeatures: Sendable {
    /// `id=` on RECORD.
    var ids = false
    /// RESERVE, COMMIT, CANCEL.
    var reservations = false
    /// What cannot be counted now is kept and counted later.
    var journal = false

    static func of(_ client: SocketClient) async throws -> SidecarFeatures {
        let replies = try await client.ask(
            "RECORD user=probe tokens=1 id=probe", "RESERVE user=probe tokens=1", "INFO")
        return SidecarFeatures(
            ids: replies[0].hasPrefix("OK"), reservations: replies[1].hasPrefix("ALLOW"),
            journal: replies[2].contains(#""journal""#))
    }
}
