import TollgateServer
import TollgateStores

/// The check of the sidecars that run on one namespace. Pure.
enum SidecarChecks {
    /// The age of an announcement from which its sidecar may have been killed, ms. They are made every five seconds.
    private static let late: Int64 = 15_000
    /// The maximum number of sidecars that are named.
    private static let maxNamed = 10

    /// The checks of the sidecars of a namespace.
    ///
    /// - Parameters:
    ///   - digest: The digest of the policy and price files of these settings; nil if they are invalid.
    static func all(_ sidecars: [AnnouncedSidecar]?, namespace: String, digest: String?) -> [DoctorCheck] {
        guard let sidecars else {
            return [
                DoctorCheck("sidecars", .warning, "cannot be read from Redis", "grant ~\(namespace):* +hgetall +time")
            ]
        }
        guard !sidecars.isEmpty else { return [DoctorCheck("sidecars", .ok, "none runs on namespace \(namespace)")] }
        let names = sidecars.prefix(maxNamed).map(words).joined(separator: "; ")
        let more = sidecars.count > maxNamed ? "; and \(sidecars.count - maxNamed) more" : ""
        var checks = [DoctorCheck("sidecars", .ok, "\(sidecars.count) on namespace \(namespace): \(names)\(more)")]
        let others = sidecars.filter { $0.digest != digest }
        if let digest, !others.isEmpty {
            checks.append(
                DoctorCheck(
                    "sidecars", .warning,
                    "another policy than these settings have (\(digest)): \(list(others.map { "\($0.name) (\($0.digest))" }))",
                    "deploy the same policy and price files to all"))
        }
        let versions = Set(sidecars.compactMap(\.details?.version))
        if versions.contains(where: { $0 != Version.current }) || sidecars.contains(where: { $0.details == nil }) {
            checks.append(
                DoctorCheck(
                    "sidecars", .warning, "not all run this version (\(Version.current))",
                    "finish the upgrade; see tollgate upgrade-check"))
        }
        let silent = sidecars.filter { $0.age >= late }
        if !silent.isEmpty {
            checks.append(
                DoctorCheck(
                    "sidecars", .warning, "silent, so perhaps killed: \(list(silent.map(words)))",
                    "see whether they run; they are forgotten after a minute"))
        }
        return checks
    }

    private static func words(_ sidecar: AnnouncedSidecar) -> String {
        "\(sidecar.name), version \(sidecar.details?.version ?? "unknown"), last sign of life \(sidecar.age / 1_000) s ago"
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(maxNamed).joined(separator: ", ") + (names.count > maxNamed ? ", …" : "")
    }
}
