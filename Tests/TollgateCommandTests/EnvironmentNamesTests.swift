import Testing
import TollgatePolicy

@testable import tollgate

/// The check of variables whose names begin with TOLLGATE_.
@Suite struct EnvironmentNamesTests {
    @Test(
        "an unknown TOLLGATE_ variable is an error that suggests the nearest name",
        arguments: [
            ("TOLLGATE_LISTN", "TOLLGATE_LISTN: unknown environment variable; did you mean TOLLGATE_LISTEN?"),
            ("TOLLGATE_POLICY_FILE", "TOLLGATE_POLICY_FILE: unknown environment variable"),
            ("TOLLGATE_X\u{1b}", "TOLLGATE_X?: unknown environment variable"),
            ("TOLLGATE_", "TOLLGATE_: unknown environment variable"),
            ("TOLLGATE_ADMIN_PORT", "TOLLGATE_ADMIN_PORT: unknown environment variable"),
        ])
    func unknown(name: String, sentence: String) {
        let error = #expect(throws: OperatorError.self) { try EnvironmentNames.check(["PATH", name]) }
        #expect(error?.description.hasPrefix(sentence) == true, "\(error?.description ?? "")")
    }

    @Test("variables of options, commands and tests, and those that Kubernetes sets for a service, are no errors")
    func known() throws {
        try EnvironmentNames.check([
            "TOLLGATE_LISTEN", "TOLLGATE_IDLE_TIMEOUT", "TOLLGATE_LOG_LEVEL", "TOLLGATE_LOG_FORMAT", "TOLLGATE_TOKEN",
            "TOLLGATE_CONFIG", "TOLLGATE_ADMIN_TOKEN_FILE", "TOLLGATE_TEST_PYTHON", "TOLLGATE_FAULT_ROUNDS", "HOME",
            "tollgate_x", "TOLLGATEX", "TOLLGATE_SERVICE_HOST", "TOLLGATE_SERVICE_PORT", "TOLLGATE_SERVICE_PORT_ADMIN",
            "TOLLGATE_PORT", "TOLLGATE_PORT_7379_TCP", "TOLLGATE_PORT_7379_TCP_ADDR", "TOLLGATE_REDIS_SERVICE_HOST",
            "TOLLGATE_REDIS_PORT", "TOLLGATE_REDIS_PORT_6379_TCP_PROTO",
        ])
    }
}
