import Foundation

/// The Python of some tests: `TOLLGATE_TEST_PYTHON`, for which `scripts/test` installs the packages, or else `python3`.
package enum Python {
    /// The program, found in PATH or by its path.
    package static let program = ProcessInfo.processInfo.environment["TOLLGATE_TEST_PYTHON"] ?? "python3"

    /// Whether the environment names a Python. It must have all packages, or the tests fail.
    private static let isNamed = ProcessInfo.processInfo.environment["TOLLGATE_TEST_PYTHON"] != nil

    /// Whether there is a Python.
    package static let isThere = isNamed || runs("pass")
    /// Whether it has a Redis client.
    package static let hasRedis = isNamed || runs("import redis")
    /// Whether it can validate OpenAPI documents.
    package static let hasValidator = isNamed || runs("import openapi_spec_validator")

    /// Whether it can generate requests from an OpenAPI document.
    package static let hasSchemathesis = isNamed || runs("import schemathesis")

    /// Whether it has the clients of OpenAI and Anthropic.
    package static let hasProviderSDKs = isNamed || runs("import openai, anthropic")

    /// Whether it has the price maps of litellm and genai-prices.
    package static let hasPriceMaps =
        isNamed || runs("import genai_prices, importlib.util as i, yaml; assert i.find_spec('litellm')")

    /// Whether it can drive a browser, Debian's Chromium.
    package static let hasBrowser =
        isNamed
        || FileManager.default.isExecutableFile(atPath: "/usr/bin/chromedriver") && runs("import selenium.webdriver")

    private static func runs(_ code: String) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program, "-c", code]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
