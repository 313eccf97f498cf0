import Testing
import TollgateTestSupport

/// `tollgate version`
@Suite struct VersionTests {
}
