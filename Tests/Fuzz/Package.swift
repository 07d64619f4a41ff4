// swift-tools-version: 6.2
import PackageDescription

/// Fuzz targets, for libFuzzer:
///
///     cd Tests/Fuzz && swift build -c release --sanitize=fuzzer
///     SWIFT_BACKTRACE=enable=no .build/release/FuzzCompact -max_total_time=60 -max_len=2000
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "sotto", path: "../..")],
    targets: [
        .executableTarget(
            name: "FuzzCompact",
            dependencies: [
                .product(name: "CompactMatrix", package: "sotto"), .product(name: "CoAP", package: "sotto"),
                .product(name: "MatrixJSON", package: "sotto"),
            ],
            swiftSettings: [.unsafeFlags(["-parse-as-library", "-sanitize=fuzzer"])],
            linkerSettings: [.linkedLibrary("m"), .unsafeFlags(["-sanitize=fuzzer"])])
    ]
)
