import ArgumentParser
import Foundation
import TollgateCore
import TollgatePolicy

/// The variables of the environment whose names begin with `TOLLGATE_`.
enum EnvironmentNames {
    private static let prefix = "TOLLGATE_"

    /// The names that the sidecar and the commands read.
    static let known: Set<String> = Set(ServeOptions.names.map(variable)).union([
        "TOLLGATE_CONFIG", "TOLLGATE_TOKEN", "TOLLGATE_CONNECT", "TOLLGATE_ADMIN_CONNECT", "TOLLGATE_ADMIN_TOKEN",
        "TOLLGATE_ADMIN_TOKEN_FILE", "TOLLGATE_ADMIN_TIMEOUT",
    ])

    /// The beginnings of the names that the project's own tests and scripts read.
    private static let ofTests = ["TOLLGATE_TEST_", "TOLLGATE_FAULT_"]

    /// Checks the names.
    ///
    /// - Throws: An `OperatorError` about an unknown name. Its setting would silently have no effect.
    static func check(_ names: some Collection<String>) throws(OperatorError) {
        let unknown = names.filter { isUnknown($0, among: Set(names)) }.min()
        guard let unknown else { return }
        let hint = nearestWord(to: unknown, among: known.sorted()).map { "; did you mean \($0)?" } ?? ""
        throw OperatorError(
            "\(PlainText.oneLine(PlainText.shortened(unknown, to: 80))): unknown environment variable\(hint)")
    }

    /// Checks the names of this process's variables. Prints the error and exits with status 2 if one is unknown.
    static func exitUnlessKnown() throws(ExitCode) {
        do {
            try check(ProcessInfo.processInfo.environment.keys)
        } catch {
            StandardError.print("\(error)")
            throw ExitCode(2)
        }
    }

    /// The variable of an option of `tollgate serve`: `TOLLGATE_IDLE_TIMEOUT` for `idle-timeout`.
    private static func variable(_ option: String) -> String {
        prefix + option.uppercased().replacing("-", with: "_")
    }

    private static func isUnknown(_ name: String, among names: Set<String>) -> Bool {
        name.hasPrefix(prefix) && !known.contains(name) && !ofTests.contains { name.hasPrefix($0) }
            && !isOfKubernetes(name, names)
    }

    /// Whether Kubernetes sets the variable in every container, for a service called `tollgate` or `tollgate-…`.
    private static func isOfKubernetes(_ name: String, _ names: Set<String>) -> Bool {
        let suffix = #/_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/#
        guard let match = name.firstMatch(of: suffix) else { return false }
        let service = name[..<match.range.lowerBound]
        return service == "TOLLGATE" || names.contains("\(service)_SERVICE_HOST")
    }
}
