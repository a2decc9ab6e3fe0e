import { mount } from 'svelte';
import { openBackend } from '$chosen-backend';
import AppView from './App.svelte';
import { coverWorld, watchPage } from './components/covering';
import { App } from './state/app';
import { followTheme } from './state/theme';
import { chooseLanguage } from './words/words';
import './styles/main.css';

followTheme(document.documentElement);
chooseLanguage(navigator.languages, document.documentElement);

const target = document.getElementById('app');
if (target === null) throw new Error('the page has no place for the app');

const app = new App(openBackend(), window.localStorage, coverWorld);
watchPage(() => void app.covering.look());
mount(AppView, { target, props: { app } });
void app.start();
