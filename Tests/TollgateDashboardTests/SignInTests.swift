import Testing
import TollgateAdmin

@Suite struct SignInTests {
    @Test("a token of an admin or a viewer signs in, and shows the name and the role")
    func token() async throws {
        try await withDashboard { dashboard in
            for role in [Role.admin, .viewer] {
                let page = try await dashboard.browser(as: role).get("/")
                #expect(page.status == 200)
                #expect(page.words.contains("the \(role.rawValue) \(role.rawValue) Sign out"))
            }
            await #expect(throws: (any Error).self) { try await dashboard.browser(as: .caller) }
        }
    }
}
