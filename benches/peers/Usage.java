import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** What this process used, and the line of figures that every peer prints. */
class Usage {
    /** CPU nanoseconds of all threads so far. */
    static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    static String figures(long events, long nanos, long cpuNanos, long matches, String version) throws IOException {
        long peak = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst().orElse(0);
        return String.format(Locale.ROOT,
                "{\"events\": %d, \"seconds\": %f, \"cpu_seconds\": %f, \"peak_mb\": %f, \"matches\": %d, \"version\": \"%s\"}",
                events, nanos / 1e9, cpuNanos / 1e9, peak / 1024.0, matches, version);
    }
}
