import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ThemeProvider } from '@pipecat-ai/voice-ui-kit';
import '@pipecat-ai/voice-ui-kit/styles.css';
import './console.css';
import { App } from './app.js';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <ThemeProvider storageKey="pipecat-console-theme">
      <App />
    </ThemeProvider>
  </StrictMode>,
);
