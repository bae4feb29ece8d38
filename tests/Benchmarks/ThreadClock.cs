using System.Runtime.InteropServices;

namespace Gradients.Benchmarks;

/// <summary>The processor time of the calling thread: what other processes take from the machine does not count.</summary>
internal static unsafe partial class ThreadClock
{
    private const int ThreadCpuTime = 3;

    /// <summary>Microseconds; only differences on one thread mean something. Linux alone has this clock.</summary>
    public static double Microseconds
    {
        get
        {
            Time time;
            if (Read(ThreadCpuTime, &time) != 0)
                throw new PlatformNotSupportedException("There is no clock of the thread's processor time.");
            return (time.Seconds * 1e6) + (time.Nanoseconds / 1e3);
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int Read(int clock, Time* time);

    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
