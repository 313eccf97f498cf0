package import TollgateAdmin

/// The dashboard: pages for browsers on the listener of the admin API.
///
/// Pages read the stores of the sidecar directly. All changes are calls of the admin API on behalf of the user
/// (`LocalAdmin`), so that both have the same rules, error sentences and audit log.
package struct Dashboard: Sendable {
    private let pages: PageServer

    package init(_ admin: LocalAdmin) {
        pages = PageServer(admin)
    }

    /// The routes of all pages and assets.
    package var routes: [Route] {
        Assets.routes + SignInPages(pages: pages).routes + OverviewPage(pages: pages).routes
            + UsagePages(pages: pages).routes + NewScopePage(pages: pages).routes
            + ScopeForms(pages: pages).routes + AnalyticsPage(pages: pages).routes
    }
}
